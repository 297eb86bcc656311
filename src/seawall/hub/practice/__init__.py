"""The code of practice: harms, bases, clocks, exemptions and support lines, as versioned data."""
