//! Which traces are told: a part of them, the same in every process.

use smswatch_plugin::model::TraceId;

/// How many bits at the end of a trace's name count as random, as OpenTelemetry has it.
const RANDOM: u32 = 56;

/// Which traces are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Those are whose random part is not below it.
    from: u64,
}

impl Sample {
    /// This part of all traces, from 0 to 1.
    pub(crate) fn new(ratio: f64) -> Self {
        let all = 1_u64 << RANDOM;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to 2^56"
        )]
        let told = (ratio.clamp(0.0, 1.0) * all as f64) as u64;
        Self {
            from: all - told.min(all),
        }
    }

    pub(crate) fn has(self, trace: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g] = trace.bytes();
        u64::from_be_bytes([0, a, b, c, d, e, f, g]) >= self.from
    }
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::model::Timestamp;
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn about_as_many_are_told_as_wanted_and_more_where_more_are_wanted() {
        let traces: Vec<TraceId> = (0..4_000)
            .map(|n| {
                let mut event = sample::notification().events.remove(0);
                event.detected_at = Timestamp::from_millis(n);
                TraceId::of(&event)
            })
            .collect();
        let told = |ratio: f64| {
            let sample = Sample::new(ratio);
            let told = traces.iter().filter(move |trace| sample.has(**trace));
            told.copied().collect::<Vec<_>>()
        };
        assert!(told(0.0).is_empty());
        assert_eq!(told(1.0).len(), traces.len());
        let (few, many) = (told(0.1), told(0.5));
        assert!((300..500).contains(&few.len()), "{}", few.len());
        assert!((1_800..2_200).contains(&many.len()), "{}", many.len());
        // Replicas with different parts tell whole traces all the same.
        assert!(few.iter().all(|trace| many.contains(trace)));
    }
}
