import type { Difference } from '../milter/differences.ts'

/** Shared cases that SMTP shows differently, or not at all, with the reason. */

const lastLineEnd = 'SMTP ends the last line, too'

const ofBytes = [
  'text that is neither header nor body',
  'a header without a body and final newline',
  'a body without a final newline',
]

export const differences: Readonly<Record<string, Difference>> = {
  ...Object.fromEntries(
    ofBytes.flatMap((what) => [
      [`${what} stays as it is below the new field, byte for byte`, { why: lastLineEnd }],
      [`without QHPSI ${what} passes byte for byte`, { why: lastLineEnd }],
    ]),
  ),
  'a field above a malformed line is removed: every reader takes it for a field': {
    why: lastLineEnd,
  },
  'hostile recipients cannot break out of X-Quarantine-ID': {
    why: 'no command may hold a control character',
  },
}
