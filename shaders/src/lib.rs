//! WGSL kernels and the data layouts that Rust and WGSL share. Knows no device and no scheme.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod layout;

/// How products of two words are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProductForm {
    /// From 16-bit halves: on every adapter.
    Halves,
    /// With 64-bit integers, where the adapter has them.
    Wide,
}

/// A compute kernel: assembled, validated when this crate was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name of its file.
    pub name: &'static str,
    /// The whole text with products from halves; the entry point is `main`.
    pub halves: &'static str,
    /// The whole text with 64-bit products.
    pub wide: &'static str,
}

impl Kernel {
    /// The text with products of this form.
    #[must_use]
    pub const fn source(&self, form: ProductForm) -> &'static str {
        match form {
            ProductForm::Halves => self.halves,
            ProductForm::Wide => self.wide,
        }
    }
}

/// All kernels, by name.
pub const KERNELS: &[Kernel] = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The kernel of this name.
#[must_use]
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}
