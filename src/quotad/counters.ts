/** The numbers of questions and answers since the start. */
export class ServiceCounters {
  /** Well-formed questions by each protocol. */
  udp = 0
  http = 0
  room = 0
  full = 0
  noSuchUser = 0
  /** Answers that say *could not tell*. */
  unknown = 0
  /** Datagrams and requests that were not questions. */
  malformed = 0
  /** Datagrams and connections of clients that may not ask. */
  refused = 0
  /** Connections that were closed because they took too long, or were too many. */
  dropped = 0
}

/** Returns the counters in the text format of Prometheus, version 0.0.4. */
export function metricsText(counters: ServiceCounters): string {
  const row = (name: string, label: string, value: number) =>
    `onescan_quota_${name}_total${label} ${value}\n`
  const type = (name: string, help: string) =>
    `# HELP onescan_quota_${name}_total ${help}\n# TYPE onescan_quota_${name}_total counter\n`
  return [
    type('questions', 'Questions by protocol.'),
    row('questions', '{protocol="udp"}', counters.udp),
    row('questions', '{protocol="http"}', counters.http),
    type('answers', 'Answers by what they said.'),
    row('answers', '{answer="room"}', counters.room),
    row('answers', '{answer="full"}', counters.full),
    row('answers', '{answer="no-such-user"}', counters.noSuchUser),
    row('answers', '{answer="unknown"}', counters.unknown),
    type('malformed', 'Datagrams and requests that were not questions.'),
    row('malformed', '', counters.malformed),
    type('refused', 'Datagrams and connections of clients outside of the allowed networks.'),
    row('refused', '', counters.refused),
    type('dropped', 'Connections closed because they were too slow or too many.'),
    row('dropped', '', counters.dropped),
  ].join('')
}
