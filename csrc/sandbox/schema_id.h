/* schema_id: how a file or a snapshot is known to be a store of this version.
 *
 * The numbers are in the database's header, as its application_id and user_version. The
 * version grows with every change of schema.h. */
#ifndef SC_SCHEMA_ID_H
#define SC_SCHEMA_ID_H

#define SC_SCHEMA_APPLICATION 0x73636278 /* "scbx" */
#define SC_SCHEMA_VERSION     3

#endif
