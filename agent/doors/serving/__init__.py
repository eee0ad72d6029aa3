"""The parts of the HTTP door: who may enter, what a body may be, what is counted, what is shown."""
