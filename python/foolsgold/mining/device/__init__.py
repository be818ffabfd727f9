"""The parts of the search on a device: approximate scores and their errors, what is kept, the rules."""
