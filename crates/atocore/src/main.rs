//! The `atocore` program.
fn main() {}
