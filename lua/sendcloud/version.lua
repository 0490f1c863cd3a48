--- The version of the library, for `sendcloud._VERSION` and the user agent.

return "0.1.0"
