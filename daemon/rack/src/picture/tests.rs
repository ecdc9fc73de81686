//! Tests of the pictures: widths, escaping, and that every fault is drawn where it is.
