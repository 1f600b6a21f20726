/** What was asked, and how it was answered, since the start. */
export interface ServiceCounters {
  /** Questions by each protocol that were questions. */
  udp: number
  http: number
  room: number
  full: number
  noSuchUser: number
  /** Could not tell. */
  unknown: number
  /** Answers from numbers that should have been counted anew. */
  stale: number
  /** Datagrams and requests that were no question. */
  malformed: number
  /** Datagrams and connections of clients that may not ask. */
  refused: number
  /** Connections that were closed because they took too long, or were too many. */
  dropped: number
}

export function createCounters(): ServiceCounters {
  return {
    udp: 0,
    http: 0,
    room: 0,
    full: 0,
    noSuchUser: 0,
    unknown: 0,
    stale: 0,
    malformed: 0,
    refused: 0,
    dropped: 0,
  }
}

/** In the text format that Prometheus reads, version 0.0.4. */
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
    type('stale_answers', 'Answers by numbers that should have been counted anew.'),
    row('stale_answers', '', counters.stale),
    type('malformed', 'Datagrams and requests that were no questions.'),
    row('malformed', '', counters.malformed),
    type('refused', 'Datagrams and connections of clients outside of the allowed networks.'),
    row('refused', '', counters.refused),
    type('dropped', 'Connections closed because they were too slow or too many.'),
    row('dropped', '', counters.dropped),
  ].join('')
}
