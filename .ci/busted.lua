-- Starts busted inside the interpreter that runs this file, however busted came here.
require "busted.runner"({ standalone = false })
