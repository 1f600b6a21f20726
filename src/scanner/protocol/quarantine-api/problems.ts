/**
 * The problems that a request about the quarantine may have (RFC 9457), each with its status and title. Its type is
 * `https://onescan.example.org/problems/` and the name.
 */
const problems = {
  'bad-request': [400, 'The request is malformed'],
  'no-token': [401, 'A token is required'],
  'not-found': [404, 'There is no such resource'],
  'no-message': [404, 'The message is not in quarantine'],
  method: [405, 'The resource has no such method'],
  busy: [409, 'Another request or command is working on the message'],
  released: [409, 'The message has been released before'],
  interrupted: [409, 'A release was interrupted, and the message may have been delivered'],
  'cannot-release': [409, 'The message cannot be released in this way'],
  'too-large': [413, 'The body of the request is too large'],
  'other-request': [422, 'The Idempotency-Key belongs to another request'],
  'too-many-attempts': [429, 'There were too many wrong tokens from this address'],
  internal: [500, 'The request failed'],
  damaged: [500, 'The message is not the one that was quarantined'],
  quarantine: [500, 'The quarantine cannot be used'],
  refused: [502, 'The next server did not accept the message'],
  'maybe-sent': [502, 'The message may have been delivered'],
  overload: [503, 'There are too many requests at once'],
  late: [504, 'The quarantine did not answer in time'],
  'disk-full': [507, 'The disk is full'],
} as const satisfies Record<string, readonly [status: number, title: string]>
export type ProblemType = keyof typeof problems
export const PROBLEM_TYPES = Object.keys(problems) as readonly ProblemType[]

const BASE = 'https://onescan.example.org/problems/'

/** Returns the problem details of a problem. `more` has extension members. */
export function problemDetails(
  type: ProblemType,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
) {
  const [status, title] = problems[type]
  return { type: `${BASE}${type}`, title, status, detail, ...more }
}

/** The media type of problem details. */
export const PROBLEM_JSON = 'application/problem+json'
