/** What stands behind Postfix. */
export interface Contestant {
  readonly name: Name
  readonly label: string
  /** Who sees every message; undefined for nobody. */
  readonly milter?: 'clamav-milter' | 'onescan'
  /** How Postfix asks it. */
  readonly transport?: 'unix' | 'inet'
  /** Environment of onescand beside that of all contestants. */
  readonly settings?: Readonly<Record<string, string>>
}

export const NAMES = [
  'none',
  'clamav-milter',
  'onescan',
  'onescan-never',
  'clamav-milter-inet',
  'onescan-inet',
] as const

export type Name = (typeof NAMES)[number]

const unix = { transport: 'unix' } as const
const inet = { transport: 'inet' } as const

export const contestants: readonly Contestant[] = [
  { name: 'none', label: 'no milter, no scan' },
  { name: 'clamav-milter', label: 'clamav-milter, unix', milter: 'clamav-milter', ...unix },
  { name: 'onescan', label: 'onescand, unix', milter: 'onescan', ...unix },
  {
    name: 'onescan-never',
    label: 'onescand, unix, never',
    milter: 'onescan',
    ...unix,
    settings: { SECONDLOOK: 'never' },
  },
  { name: 'clamav-milter-inet', label: 'clamav-milter, inet', milter: 'clamav-milter', ...inet },
  { name: 'onescan-inet', label: 'onescand, inet', milter: 'onescan', ...inet },
]

/** How mail comes in. */
export interface Stream {
  readonly name: 'clean' | 'trusted'
  /** smtp-source makes its text up; ours sends what a host of the cluster stamped. */
  readonly sender: 'smtp-source' | 'send'
  readonly size: { readonly name: string; readonly bytes: number }
  /** Messages in one turn. */
  readonly messages: number
}

/** Sessions at a time, each with a connection for every message. */
export const SESSIONS = 10

export function planStreams(quick: boolean): Stream[] {
  const small = { name: '4 KB', bytes: 4096 }
  const large = { name: '100 KB', bytes: 100 * 1024 }
  const messages = quick ? 100 : 600
  return [
    { name: 'clean', sender: 'smtp-source', size: small, messages },
    { name: 'clean', sender: 'smtp-source', size: large, messages },
    { name: 'trusted', sender: 'send', size: small, messages },
    { name: 'trusted', sender: 'send', size: large, messages },
  ]
}
