"""Netlists of ngspice and LTspice: their language, subcircuits, and the ladder in their graph."""
