// `npm run bench:readers -- --quirks PLACE...`: what each choice of the tables of quirks is needed for.
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { calendarQuirks } from '../../../src/mail/mime/quirks/calendar-quirks.ts'
import { encodingQuirks } from '../../../src/mail/mime/quirks/encoding-quirks.ts'
import type { Quirk } from '../../../src/mail/mime/quirks/quirk.ts'
import { type QuirkName, Way } from '../../../src/mail/mime/quirks/way.ts'
import { signsIn } from '../../../test/scanner/scan/scanners/evasions/files.ts'
import type { Mail } from '../ordinary/mails.ts'

type Choice = Quirk['choices'][number]

const quirks: Readonly<Record<string, Quirk>> = {
  ...encodingQuirks,
  ...calendarQuirks,
}

/** The quirks that occurred in the mail that was read last. */
const met = new Set<QuirkName>()
const note = Way.prototype.note
Way.prototype.note = function (quirk) {
  met.add(quirk)
  note.call(this, quirk)
}

/** Reads a mail, up to the first content with a file of the evasions. Returns whether there is one. */
function isFound(message: Buffer): boolean {
  met.clear()
  const openFile = () => openAnonymousFile(tmpdir())
  for (const step of contentsOf(Bytes.of(message), { openFile, createHash })) {
    if (step.kind === 'content' && signsIn(step.bytes.gather()).length > 0) return true
  }
  return false
}

/** Runs the function while no program makes a choice: such a choice is never tried. */
function without<Result>(choice: Choice, run: () => Result): Result {
  const { programs } = choice
  const changed = choice as { programs?: Choice['programs'] }
  changed.programs = []
  try {
    return run()
  } finally {
    if (programs) changed.programs = programs
    else delete changed.programs
  }
}

/** What the tables show for a choice. */
export interface ChoiceNeed {
  readonly quirk: string
  readonly does: string
  readonly programs: readonly string[]
  /** The messages whose file is found with this choice alone. */
  readonly lost: readonly number[]
  /** The number of other mails in which the quirk occurs. */
  readonly asking: number
}

/** Reads the messages again without each choice. `others` are mails that carry no such file. */
export function needOfChoices(
  messages: readonly Buffer[],
  others: readonly Pick<Mail, 'read'>[] = [],
): readonly ChoiceNeed[] {
  const lost = new Map<Choice, number[]>()
  messages.forEach((message, number) => {
    if (!isFound(message)) return
    for (const quirk of [...met]) {
      for (const choice of quirks[quirk]!.choices.slice(1)) {
        if (without(choice, () => isFound(message))) continue
        lost.set(choice, [...(lost.get(choice) ?? []), number])
      }
    }
  })
  const asking = new Map<string, number>()
  for (const mail of others) {
    isFound(mail.read())
    for (const quirk of met) asking.set(quirk, (asking.get(quirk) ?? 0) + 1)
  }
  return Object.entries(quirks).flatMap(([quirk, { choices }]) =>
    choices.slice(1).map((choice) => ({
      quirk,
      does: choice.does,
      programs: choice.programs ?? [],
      lost: lost.get(choice) ?? [],
      asking: asking.get(quirk) ?? 0,
    })),
  )
}
