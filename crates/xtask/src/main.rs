//! The chores: cargo xtask check, bench, soak.
fn main() {}
