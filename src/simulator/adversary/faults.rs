//! Single troubles, planned by hand: refused requests, slow ones, answers that get lost after the deed was done, a limit to
//! what a query may ask for at once, jobs that are interrupted.

use std::time::Duration;

/// How one matching request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered with this status and nothing is done.
    Refuse(u16),
    /// It is answered as usual, but late.
    Delay(Duration),
    /// It takes effect, and the connection is cut before a byte of the answer.
    LoseAnswer,
}

/// How GitHub gives up on a query that asks for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// 502.
    BadGateway,
    /// 200 with an error that names a timeout and has no type.
    TimedOut,
    /// 200 with an error of the type `RESOURCE_LIMITS_EXCEEDED`, and holes in the data.
    OutOfResources,
}

#[derive(Debug)]
struct Planned {
    method: String,
    path_prefix: String,
    fault: Fault,
    times: u32,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    planned: Vec<Planned>,
    patience: Option<(u64, GivenUp)>,
    interruptions: u32,
}

impl Faults {
    /// Plans a fault for the next `times` requests of this method whose path begins like this.
    pub(crate) fn plan(&mut self, method: &str, path_prefix: &str, fault: Fault, times: u32) {
        let (method, path_prefix) = (method.to_owned(), path_prefix.to_owned());
        self.planned.push(Planned { method, path_prefix, fault, times });
    }

    /// The fault of a request, used up by asking. The first one planned comes first.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let matches =
            |planned: &Planned| planned.method == method && path.starts_with(&planned.path_prefix) && planned.times > 0;
        let planned = self.planned.iter_mut().find(|planned| matches(planned))?;
        planned.times -= 1;
        let fault = planned.fault;
        self.planned.retain(|planned| planned.times > 0);
        Some(fault)
    }

    /// Interrupts the next `times` jobs.
    pub(crate) const fn interrupt_jobs(&mut self, times: u32) {
        self.interruptions = times;
    }

    /// Whether the job that begins now is interrupted; used up by asking.
    pub(crate) const fn interrupts(&mut self) -> bool {
        let interrupts = self.interruptions > 0;
        self.interruptions = self.interruptions.saturating_sub(1);
        interrupts
    }

    /// From now on queries for more entries than this are given up; `None`: no longer.
    pub(crate) const fn limit_queries(&mut self, patience: Option<(u64, GivenUp)>) {
        self.patience = patience;
    }

    /// Bears a query for so many entries, or says how it is given up.
    pub(crate) fn bear(&self, entries: u64) -> Result<(), GivenUp> {
        self.patience.filter(|(max, _)| entries > *max).map_or(Ok(()), |(_, how)| Err(how))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_used_up_by_matching_requests_alone() {
        let mut faults = Faults::default();
        faults.plan("POST", "/repos/o/r/issues", Fault::Refuse(502), 2);

        let seen = [
            faults.take("GET", "/repos/o/r/issues"),
            faults.take("POST", "/repos/o/r/issues/1/comments"),
            faults.take("POST", "/repos/o/r/pulls"),
            faults.take("POST", "/repos/o/r/issues"),
            faults.take("POST", "/repos/o/r/issues"),
        ];

        assert_eq!(seen, [None, Some(Fault::Refuse(502)), None, Some(Fault::Refuse(502)), None]);
    }
}
