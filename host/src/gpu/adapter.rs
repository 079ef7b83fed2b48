//! The adapters of this machine, what they can do, and which of them is used.

use serde::Serialize;
use shaders::ProductForm;
use wgpu::{Backends, DeviceType, Features, Instance, InstanceDescriptor, InstanceFlags};

use super::GpuError;
use super::limits::{INVOCATIONS, MIN_BINDING_BYTES, STORAGE_BUFFERS, WORKGROUP_BYTES, WORKGROUPS};

/// What is used where it is there.
pub(super) const WANTED: Features = Features::SHADER_INT64.union(Features::TIMESTAMP_QUERY);

/// An adapter, as `veilgrad devices` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdapterReport {
    /// The number by which it is chosen.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Discrete, integrated, virtual or software.
    pub kind: &'static str,
    /// The interface of the operating system.
    pub interface: String,
    /// Its driver.
    pub driver: String,
    /// Whether it has 64-bit integers.
    pub wide_products: bool,
    /// Whether it tells the time of a kernel.
    pub timestamps: bool,
    /// Bytes of the largest buffer.
    pub max_buffer_bytes: u64,
    /// Bytes of the largest binding.
    pub max_binding_bytes: u64,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Storage buffers that one kernel may use.
    pub storage_buffers: u32,
    /// Threads of a workgroup.
    pub workgroup_threads: u32,
    /// Workgroups in one dimension of a grid.
    pub workgroups: u32,
    /// Whether it is chosen where nothing is said.
    pub automatic: bool,
    /// Why it is not chosen by itself, or cannot be used at all.
    pub reason: Option<String>,
    /// Whether it can be used at all.
    pub usable: bool,
}

/// An adapter that may be opened.
pub(super) struct Candidate {
    pub(super) adapter: wgpu::Adapter,
    pub(super) report: AdapterReport,
}

/// All adapters, the most powerful kind first; the order is that of the numbers.
#[must_use]
pub fn adapters() -> Vec<AdapterReport> {
    let candidates = candidates(&instance());
    candidates
        .into_iter()
        .map(|candidate| candidate.report)
        .collect()
}

pub(super) fn instance() -> Instance {
    let mut descriptor = InstanceDescriptor::new_without_display_handle();
    descriptor.backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
    descriptor.flags = InstanceFlags::empty();
    Instance::new(descriptor)
}

pub(super) fn candidates(instance: &Instance) -> Vec<Candidate> {
    let mut adapters = pollster::block_on(instance.enumerate_adapters(Backends::all()));
    adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    let mut taken = false;
    let candidates = adapters.into_iter().enumerate().map(|(number, adapter)| {
        let mut report = report(number, &adapter);
        if report.usable && report.reason.is_none() {
            report.automatic = !taken;
            if taken {
                report.reason = Some("another one comes first".to_owned());
            }
            taken = true;
        }
        Candidate { adapter, report }
    });
    candidates.collect()
}

/// The adapter of this number, whether or not it can be used; without a number the first that can.
pub(crate) fn asked_for(number: Option<usize>) -> Result<AdapterReport, GpuError> {
    first(adapters(), number, |report| report)
}

fn first<T>(
    found: Vec<T>,
    number: Option<usize>,
    report: impl Fn(&T) -> &AdapterReport,
) -> Result<T, GpuError> {
    let mut found = found.into_iter().filter(|adapter| match number {
        Some(number) => report(adapter).number == number,
        None => report(adapter).usable,
    });
    found.next().ok_or(GpuError::None { number })
}

/// The adapter of this number; without a number the first that can be used.
pub(super) fn choose(instance: &Instance, number: Option<usize>) -> Result<Candidate, GpuError> {
    let candidate = first(candidates(instance), number, |candidate| &candidate.report)?;
    match &candidate.report {
        AdapterReport {
            usable: false,
            name,
            reason,
            ..
        } => Err(GpuError::Unsuitable {
            name: name.clone(),
            reason: reason.clone().unwrap_or_default(),
        }),
        _ => Ok(candidate),
    }
}

fn rank(kind: DeviceType) -> usize {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn report(number: usize, adapter: &wgpu::Adapter) -> AdapterReport {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let kind = ["discrete", "integrated", "virtual", "other", "software"][rank(info.device_type)];
    let missing = missing(&limits);
    let software = info.device_type == DeviceType::Cpu;
    let reason = missing.clone().or_else(|| {
        let text = "it computes on the CPU, where the CPU's own kernels are faster; used if asked for by its number";
        software.then(|| text.to_owned())
    });
    AdapterReport {
        number,
        kind,
        interface: info.backend.to_string(),
        driver: [info.driver.as_str(), &info.driver_info]
            .join(" ")
            .trim()
            .to_owned(),
        name: info.name,
        wide_products: features.contains(Features::SHADER_INT64),
        timestamps: features.contains(Features::TIMESTAMP_QUERY),
        max_buffer_bytes: limits.max_buffer_size,
        max_binding_bytes: binding_bytes(&limits),
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
        workgroup_threads: limits.max_compute_invocations_per_workgroup,
        workgroups: limits.max_compute_workgroups_per_dimension,
        automatic: false,
        usable: missing.is_none(),
        reason,
    }
}

/// Bytes that one binding may have.
pub(super) fn binding_bytes(limits: &wgpu::Limits) -> u64 {
    limits
        .max_storage_buffer_binding_size
        .min(limits.max_buffer_size)
}

/// What an adapter lacks, if it lacks something.
fn missing(limits: &wgpu::Limits) -> Option<String> {
    let needs = [
        (
            "bytes of a binding",
            binding_bytes(limits),
            MIN_BINDING_BYTES,
        ),
        (
            "storage buffers of a kernel",
            limits.max_storage_buffers_per_shader_stage.into(),
            STORAGE_BUFFERS.into(),
        ),
        (
            "bytes of workgroup memory",
            limits.max_compute_workgroup_storage_size.into(),
            WORKGROUP_BYTES.into(),
        ),
        (
            "threads of a workgroup",
            limits.max_compute_invocations_per_workgroup.into(),
            INVOCATIONS.into(),
        ),
        (
            "workgroups in a dimension",
            limits.max_compute_workgroups_per_dimension.into(),
            WORKGROUPS.into(),
        ),
    ];
    let lacking = needs.iter().find(|(_, has, needs)| has < needs);
    lacking.map(|(what, has, needs)| format!("it has {has} {what}; {needs} are needed"))
}

/// The best form of products that features allow.
pub(super) fn best_form(features: Features) -> ProductForm {
    if features.contains(Features::SHADER_INT64) {
        ProductForm::Wide
    } else {
        ProductForm::Halves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu::Limits;

    #[test]
    fn without_a_number_the_first_that_can_be_used_is_taken() {
        // Which can be used.
        let found = |usable: &[bool], number| {
            let numbered = usable.iter().copied().enumerate();
            let reports = numbered.map(|(number, usable)| AdapterReport {
                number,
                usable,
                ..nothing()
            });
            first(reports.collect(), number, |report| report).map(|report| report.number)
        };
        assert_eq!(found(&[false, true, true], None), Ok(1));
        // Why it cannot be used is said when it is opened.
        assert_eq!(found(&[false, true], Some(0)), Ok(0));
        let none = |number| Err(GpuError::None { number });
        assert_eq!(found(&[true], Some(99)), none(Some(99)));
        assert_eq!(found(&[false], None), none(None));
        assert_eq!(found(&[], None), none(None));
    }

    fn nothing() -> AdapterReport {
        AdapterReport {
            number: 0,
            name: String::new(),
            kind: "other",
            interface: String::new(),
            driver: String::new(),
            wide_products: false,
            timestamps: false,
            max_buffer_bytes: 0,
            max_binding_bytes: 0,
            workgroup_bytes: 0,
            storage_buffers: 0,
            workgroup_threads: 0,
            workgroups: 0,
            automatic: false,
            reason: None,
            usable: false,
        }
    }

    #[test]
    fn what_webgpu_promises_is_enough_and_no_more_than_enough() {
        type Lower = fn(&mut Limits);
        assert_eq!(missing(&Limits::default()), None);
        let lowered: [(Lower, &str); 5] = [
            (
                |limits| limits.max_storage_buffer_binding_size -= 1,
                "134217727 bytes of a binding; 134217728 are",
            ),
            (
                |limits| limits.max_storage_buffers_per_shader_stage -= 1,
                "7 storage buffers of a kernel; 8 are",
            ),
            (
                |limits| limits.max_compute_workgroup_storage_size -= 1,
                "16383 bytes of workgroup memory; 16384 are",
            ),
            (
                |limits| limits.max_compute_invocations_per_workgroup -= 1,
                "255 threads of a workgroup; 256 are",
            ),
            (
                |limits| limits.max_compute_workgroups_per_dimension -= 1,
                "65534 workgroups in a dimension; 65535 are",
            ),
        ];
        for (lower, told) in lowered {
            let mut limits = Limits::default();
            lower(&mut limits);
            let text = format!("it has {told} needed");
            assert_eq!(missing(&limits), Some(text));
        }
        // A binding is part of a buffer.
        let limits = Limits {
            max_buffer_size: 1 << 20,
            ..Limits::default()
        };
        let told = "it has 1048576 bytes of a binding; 134217728 are needed";
        assert_eq!(missing(&limits).as_deref(), Some(told));
    }
}
