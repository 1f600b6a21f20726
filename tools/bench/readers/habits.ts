// `npm run bench:readers -- --habits PLACE...`: what each choice of the tables of habits is needed for.
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { encodingHabits } from '../../../src/mail/mime/habits/encoding-habits.ts'
import { calendarHabits, savingHabits } from '../../../src/mail/mime/habits/file-habits.ts'
import type { HabitRow } from '../../../src/mail/mime/habits/habit-row.ts'
import { type Feature, Habits } from '../../../src/mail/mime/habits/habits.ts'
import { signsIn } from '../../../test/scanner/scan/scanners/evasions/files.ts'
import type { Mail } from '../ordinary/mails.ts'

type Choice = HabitRow['choices'][number]

const features: Readonly<Record<string, HabitRow>> = {
  ...encodingHabits,
  ...savingHabits,
  ...calendarHabits,
}

/** The features that occurred in the mail that was read last. */
const asked = new Set<Feature>()
const note = Habits.prototype.note
Habits.prototype.note = function (feature) {
  asked.add(feature)
  note.call(this, feature)
}

/** Reads a mail, up to the first content with a file of the evasions. Returns whether there is one. */
function isFound(message: Buffer): boolean {
  asked.clear()
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
  readonly feature: string
  readonly does: string
  readonly programs: readonly string[]
  /** The messages whose file is found with this choice alone. */
  readonly lost: readonly number[]
  /** The number of other mails in which the feature occurs. */
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
    for (const feature of [...asked]) {
      for (const choice of features[feature]!.choices.slice(1)) {
        if (without(choice, () => isFound(message))) continue
        lost.set(choice, [...(lost.get(choice) ?? []), number])
      }
    }
  })
  const asking = new Map<string, number>()
  for (const mail of others) {
    isFound(mail.read())
    for (const feature of asked) asking.set(feature, (asking.get(feature) ?? 0) + 1)
  }
  return Object.entries(features).flatMap(([feature, { choices }]) =>
    choices.slice(1).map((choice) => ({
      feature,
      does: choice.does,
      programs: choice.programs ?? [],
      lost: lost.get(choice) ?? [],
      asking: asking.get(feature) ?? 0,
    })),
  )
}
