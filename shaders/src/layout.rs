//! Every constant and struct that Rust and WGSL share; Rust is the only source. The structs are declared in `wgsl/shared` too, and
//! a test compares members and offsets.

use bytemuck::{Pod, Zeroable};

/// Threads of a workgroup.
pub const WORKGROUP_SIZE: u32 = 256;
/// Operands of a limb-wise call, the result counted in.
pub const OPERANDS: usize = 8;
/// The most limbs of one limb-wise call: its table must fit a uniform buffer of 16 KiB.
pub const MAX_ROWS: usize = 96;
/// Targets that one thread of a base conversion makes.
pub const GROUP_TARGETS: usize = 8;
/// Fraction bits of a quotient in base conversions: that of `engine::ring`, which a test compares.
pub const FRACTION_BITS: u32 = 24;
/// Words of a matrix row of the transform: eight stages are done in one pass.
pub const MATRIX_WIDTH: usize = 256;
/// Words that one thread of a transform holds.
pub const THREAD_WORDS: usize = 16;
/// Products in a row of the kernel that measures them.
pub const MEASURE_CHAIN: u32 = 1024;
/// A modulus to measure with.
pub const MEASURE_Q: u32 = 1_073_479_681;
/// A factor to measure with.
pub const MEASURE_W: u32 = 123_456_789;

/// A modulus, with what reduces a wide word: `floor(2^32 / q)`, and `2^32 mod q` with its Shoup quotient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/limb.wgsl"
)]
pub struct Limb {
    pub q: u32,
    pub one_shoup: u32,
    pub wide: u32,
    pub wide_shoup: u32,
}

/// Where the row of a limb is in an operand, and a factor with its Shoup quotient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/call.wgsl"
)]
pub struct Operand {
    pub row: u32,
    pub stride: u32,
    pub w: u32,
    pub w_shoup: u32,
}

/// A limb of a limb-wise call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/call.wgsl"
)]
pub struct Row {
    pub limb: Limb,
    pub operands: [Operand; OPERANDS],
}

/// What comes before the rows of a limb-wise call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/call.wgsl"
)]
pub struct Call {
    pub terms: u32,
    pub accumulate: u32,
    pub galois: u32,
    pub polys: u32,
}

/// A row to transform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/transform.wgsl"
)]
pub struct Transform {
    pub q: u32,
    pub limb: u32,
    pub factor: u32,
    pub factor_shoup: u32,
    pub src: u32,
    pub src_stride: u32,
    pub dst: u32,
    pub dst_stride: u32,
}

/// Targets that are converted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/conversion.wgsl"
)]
pub struct TargetGroup {
    pub sources: u32,
    pub first_source: u32,
    pub targets: u32,
    pub first_target: u32,
    pub weights: u32,
}

/// A source of a base conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/conversion.wgsl"
)]
pub struct Source {
    pub row: u32,
    pub stride: u32,
    pub fraction: u32,
}

/// A target of a base conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
#[expect(
    missing_docs,
    reason = "the members are those of wgsl/shared/conversion.wgsl"
)]
pub struct ConversionTarget {
    pub limb: Limb,
    pub row: u32,
    pub stride: u32,
    pub overflow: u32,
}

/// The constants as WGSL declarations, prepended to every kernel.
#[must_use]
pub fn constants() -> String {
    let shoup = (u64::from(MEASURE_W) << u32::BITS) / u64::from(MEASURE_Q);
    let constants = [
        ("WORKGROUP_SIZE", u64::from(WORKGROUP_SIZE)),
        ("OPERANDS", OPERANDS as u64),
        ("MAX_ROWS", MAX_ROWS as u64),
        ("GROUP_TARGETS", GROUP_TARGETS as u64),
        ("FRACTION_BITS", u64::from(FRACTION_BITS)),
        ("MEASURE_CHAIN", u64::from(MEASURE_CHAIN)),
        ("MEASURE_Q", u64::from(MEASURE_Q)),
        ("MEASURE_W", u64::from(MEASURE_W)),
        ("MEASURE_W_SHOUP", shoup),
    ];
    constants
        .iter()
        .map(|(name, value)| format!("const {name}: u32 = {value}u;\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// Name, size, and members with their offsets.
    type Layout<Name> = (Name, usize, Vec<(Name, usize)>);

    macro_rules! layout {
        ($name:ident: $($member:ident),+) => {
            (stringify!($name), size_of::<$name>(), vec![$((stringify!($member), offset_of!($name, $member))),+])
        };
    }

    fn layouts() -> Vec<Layout<&'static str>> {
        vec![
            layout!(Limb: q, one_shoup, wide, wide_shoup),
            layout!(Operand: row, stride, w, w_shoup),
            layout!(Row: limb, operands),
            layout!(Transform: q, limb, factor, factor_shoup, src, src_stride, dst, dst_stride),
            layout!(TargetGroup: sources, first_source, targets, first_target, weights),
            layout!(Source: row, stride, fraction),
            layout!(ConversionTarget: limb, row, stride, overflow),
        ]
    }

    /// The structs of a text as the shader compiler lays them out.
    fn structs(source: &str) -> Vec<Layout<String>> {
        let module = naga::front::wgsl::parse_str(source).unwrap();
        let types = module.types.iter().filter_map(|(_, ty)| match &ty.inner {
            naga::TypeInner::Struct { members, span } => {
                let members = members
                    .iter()
                    .map(|m| (m.name.clone().unwrap(), m.offset as usize));
                Some((ty.name.clone()?, *span as usize, members.collect()))
            }
            _ => None,
        });
        types.collect()
    }

    #[test]
    fn structs_are_laid_out_alike() {
        let mut seen = std::collections::BTreeSet::new();
        for kernel in crate::KERNELS {
            for (name, size, members) in structs(kernel.halves) {
                if name == "Call" {
                    let mut wanted = layout!(Call: terms, accumulate, galois, polys).2;
                    wanted.push(("rows", size_of::<Call>()));
                    let members: Vec<_> = members.iter().map(|(n, at)| (n.as_str(), *at)).collect();
                    assert_eq!(members, wanted);
                    assert_eq!(size, size_of::<Call>() + MAX_ROWS * size_of::<Row>());
                } else {
                    let wanted = layouts().into_iter().find(|layout| layout.0 == name);
                    let wanted = wanted.unwrap_or_else(|| panic!("{}: struct {name}", kernel.name));
                    let members: Vec<_> = members.iter().map(|(n, at)| (n.as_str(), *at)).collect();
                    assert_eq!(
                        (wanted.1, wanted.2),
                        (size, members),
                        "{}: {name}",
                        kernel.name
                    );
                }
                seen.insert(name);
            }
        }
        assert_eq!(seen.len(), layouts().len() + 1);
    }
}
