//! Link arguments of the shared library: its SONAME, and that it is never unmapped.

fn main() {
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libbridgeq.so.{major}");
    // Thread-local destructors of the Rust runtime must not outlive their code: dlclose keeps it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
