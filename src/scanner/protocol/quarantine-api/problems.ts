/** A problem: its status and title, and for each interface what to do about it. */
interface ProblemFacts {
  readonly status: number
  readonly title: string
  /** The name in the type of a problem (RFC 9457), if it is not the code: clients knew one for several codes. */
  readonly type?: string
  /** What a client of the API does about it. */
  readonly api?: string
  /** What a user of the command does. */
  readonly command?: string
}

/** What a client of the API does about a problem, and also a user of the command. */
const both = (remedy: string) => ({ api: remedy, command: remedy })

const CANNOT = { status: 409, title: 'The message cannot be released in this way', type: 'cannot-release' } as const // biome-ignore format: a line

/** Without a stamp only a server behind the last onescan delivers a message in which scanners still find something. */
const UNSIGNED = {
  api: 'release it with "stamp": false if --http-release names a server behind the last onescan',
  command:
    'release it with --no-stamp and --by HOST:PORT, a server behind the last onescan: any onescan before that server scans it again',
} as const

/**
 * The problems that a request about the quarantine may have, by code, and all remedies. The page has its own words for each
 * code. The type of a problem is `https://onescan.example.org/problems/` and the code, or its `type`.
 */
const problems = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'no-token': {
    status: 401,
    title: 'A token is required',
    api: 'send a token of --http-quarantine: Authorization: Bearer TOKEN',
  },
  'not-allowed': {
    status: 403,
    title: 'The token does not permit this',
    api: 'use a token that permits it',
  },
  'not-this-kind': {
    status: 403,
    title: 'The token does not permit this for messages with such a finding',
    type: 'not-allowed',
    api: 'use a token that permits it',
  },
  'not-found': { status: 404, title: 'There is no such resource' },
  'no-message': {
    status: 404,
    title: 'The message is not in quarantine',
    command: 'onescan quarantine list shows what is',
  },
  method: { status: 405, title: 'The resource has no such method' },
  busy: {
    status: 409,
    title: 'Another request or command is working on the message',
    ...both('try again in a moment'),
  },
  released: {
    status: 409,
    title: 'The message has been released before',
    api: '"again": true releases it once more',
    command: '--again releases it once more',
  },
  interrupted: {
    status: 409,
    title: 'A release was interrupted, and the message may have been delivered',
    api: '"again": true releases it anyway, to those who have certainly not received it',
    command: '--again releases it anyway, to those who have certainly not received it',
  },
  'for-others': {
    status: 409,
    title: 'The message is also for other recipients',
    api: 'use a token for all of its recipients',
  },
  'cannot-release': CANNOT,
  'no-recipient': { ...CANNOT, api: 'name one in "to"', command: 'specify one with --to' },
  'unknown-recipient': {
    ...CANNOT,
    ...both('release it to all of its recipients'),
  },
  'cannot-sign': { ...CANNOT, ...UNSIGNED },
  'no-key': {
    ...CANNOT,
    api: `make one with onescan keygen --release, or ${UNSIGNED.api}`,
    command: `make one with onescan keygen --release, or ${UNSIGNED.command}`,
  },
  'no-exception': {
    status: 409,
    title: 'No exception can be made for this message',
    api: 'root can make one with onescan allow',
  },
  'no-exceptions': {
    status: 409,
    title: 'No exceptions can be made over HTTP on this host',
    type: 'no-exception',
    api: 'root can make one with onescan allow',
  },
  'too-large': { status: 413, title: 'The request or the message is too large' },
  'other-request': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    api: 'use a new one',
  },
  'too-many-attempts': {
    status: 429,
    title: 'There were too many wrong tokens from this address',
  },
  internal: { status: 500, title: 'The request failed' },
  damaged: {
    status: 500,
    title: 'The message is not the one that was quarantined',
    ...both('if it stays so, restore its file from a backup, or delete it'),
  },
  quarantine: { status: 500, title: 'The quarantine cannot be used' },
  refused: {
    status: 502,
    title: 'The next server did not accept the message',
    api: 'check the server in --http-release and its log',
    command: "read the mail server's log, or name another server with --by HOST:PORT",
  },
  'maybe-sent': {
    status: 502,
    title: 'The message may have been delivered',
    api: 'look for it in the mail queue; if it is not there, release it with "again": true',
    command:
      'the message may have been delivered: look for it in the mail queue (mailq); if it is not there, release it with --again',
  },
  'partly-released': {
    status: 502,
    title: 'The next server accepted the message only for some recipients',
    api: '"again": true releases it to the others',
    command: '--again releases it to the others',
  },
  overload: {
    status: 503,
    title: 'There are too many requests at once',
    api: 'try again in a moment',
  },
  late: {
    status: 504,
    title: 'The quarantine did not answer in time',
    api: 'try again; if it stays so, check the file system of QUARANTINE',
  },
  'disk-full': {
    status: 507,
    title: 'The disk is full',
    ...both('free space on the file system of QUARANTINE'),
  },
} as const satisfies Record<string, ProblemFacts>
export type ProblemType = keyof typeof problems
export const PROBLEM_TYPES = Object.keys(problems) as readonly ProblemType[]

const BASE = 'https://onescan.example.org/problems/'

/** Returns a reason with what to do about it. */
export function reasonAndRemedy(code: ProblemType, reason: string, by: 'api' | 'command'): string {
  const { [by]: remedy }: ProblemFacts = problems[code]
  return [reason, ...(remedy === undefined ? [] : [remedy])]
    .filter((text) => text !== '')
    .join('; ')
}

/** Returns the type of a problem. */
export function problemType(code: ProblemType): string {
  const { type = code }: ProblemFacts = problems[code]
  return BASE + type
}

/** Returns the problem details of a problem. `more` has extension members. */
export function problemDetails(
  code: ProblemType,
  reason: string,
  more: Readonly<Record<string, unknown>> = {},
) {
  const { status, title } = problems[code]
  const detail = reasonAndRemedy(code, reason, 'api')
  return { type: problemType(code), code, title, status, detail, ...more }
}

/** The media type of problem details. */
export const PROBLEM_JSON = 'application/problem+json'
