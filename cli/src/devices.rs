//! The devices of the machine.

use host::job::DevicesReport;

use crate::print::list;
use crate::units::things;

/// The processor, then each GPU with what it can do.
pub(crate) fn all(report: &DevicesReport) -> String {
    let cpu = format!("{}, {}", report.cpu, things(report.threads, "thread"));
    let mut text = list(&[
        ("cpu", cpu),
        ("auto", format!("{} is used", report.automatic)),
    ]);
    text += &adapters(report);
    text
}

#[cfg(feature = "gpu")]
fn adapters(report: &DevicesReport) -> String {
    use crate::units::bytes;

    let adapters = report.adapters.iter().map(|adapter| {
        let yes_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let used = match (&adapter.reason, adapter.usable) {
            (None, _) => "yes, by itself".to_owned(),
            (Some(reason), true) => format!("not by itself: {reason}"),
            (Some(reason), false) => format!("no: {reason}"),
        };
        let rows = [
            ("  kind", format!("{}, {}", adapter.kind, adapter.interface)),
            ("  driver", adapter.driver.clone()),
            ("  64-bit products", yes_no(adapter.wide_products)),
            ("  timestamps", yes_no(adapter.timestamps)),
            ("  largest buffer", bytes(adapter.max_buffer_bytes)),
            ("  largest binding", bytes(adapter.max_binding_bytes)),
            ("  workgroup memory", bytes(adapter.workgroup_bytes.into())),
            ("  workgroup threads", adapter.workgroup_threads.to_string()),
            (
                "  workgroups",
                format!("{} in a dimension", adapter.workgroups),
            ),
            (
                "  storage buffers",
                format!("{} for a kernel", adapter.storage_buffers),
            ),
            ("  used", used),
        ];
        format!("gpu:{}  {}\n{}", adapter.number, adapter.name, list(&rows))
    });
    let adapters: Vec<_> = adapters.collect();
    if adapters.is_empty() {
        return "no GPU\n".to_owned();
    }
    adapters.concat()
}

#[cfg(not(feature = "gpu"))]
fn adapters(_: &DevicesReport) -> String {
    "this program was built without GPUs\n".to_owned()
}
