//! The smswatch binary, with the built-in sinks and no others.

/// A poll is some hundred small allocations, which end on other threads than they began: the system's
/// allocator takes a fifth of the whole time for them, this one less than half of that.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    smswatch::App::new().main()
}
