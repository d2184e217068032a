//! The one binary. What it can do is in [`rozmowa::cli`].

use std::process::ExitCode;

/// Keeps memory small and fast under many short-lived allocations from many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rozmowa::cli::run()
}
