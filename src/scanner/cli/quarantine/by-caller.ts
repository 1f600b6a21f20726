import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { attempt, errorText, Fault } from '../../../base/errors/fault.ts'
import { openAnonymousFile, piecesOfFile, writeAll } from '../../../mail/message/spool.ts'
import {
  MaybeTaken,
  type OutgoingMail,
  parseDefaultRoute,
  parseRoute,
  type ReleaseRoute,
  type RouteName,
} from '../../desk/send-again.ts'
import { printsJson, textOption } from '../command/cli-options.ts'
import { FAILED, makeCommand } from '../command/run-command.ts'
import { writeOut } from '../command/terminal.ts'
import { addEnvironmentOptions, slotEnvironment } from '../host/slot-environment.ts'

/**
 * A release or a digest that root delegates to onescand. The quarantine is read in the unit of onescand, where no program
 * can queue mail. So the mail is sent to root, which runs the delivery under an account and answers with the
 * outcome.
 */

/** The route to the program that reads standard output. */
export const BY_CALLER = 'caller'

/** The lines of JSON that root receives: the mail and its default route, its bytes in base64, its end. */
type HandedLine =
  | { readonly mail: Omit<OutgoingMail, 'bytes'>; readonly route: RouteName }
  | { readonly bytes: string }
  | { readonly end: true }

/** Returns whether a line of standard output is such a line. */
export const isHandedLine = (line: string): boolean => /^\{"(mail|bytes|end)":/.test(line)

/** The answer of root, in a line of JSON. `code` is the exit code of HAND_ON. */
export interface HandOnAnswer {
  readonly code: number
  /** The name of the route. */
  readonly by: string
  /** The reply of the next server or, if it was not sent, the reason. */
  readonly reason: string
}

/** Upper limits in bytes for a line, and for a message, which could be endless. */
const PIECE = 48 * 1024
const SIZE_MAX = 1024 ** 3

export class CallerRoute implements ReleaseRoute {
  text = 'root'
  readonly #route: RouteName

  constructor(route: RouteName) {
    this.#route = route
  }

  async handOn({ bytes, ...mail }: OutgoingMail): Promise<string> {
    const print = (line: HandedLine) => writeOut(`${JSON.stringify(line)}\n`)
    await print({ mail, route: this.#route })
    for (const piece of bytes()) {
      for (let at = 0; at < piece.length; at += PIECE) {
        await print({ bytes: piece.toString('base64', at, at + PIECE) })
      }
    }
    await print({ end: true })
    const { code, by, reason } = await readAnswer()
    this.text = by
    if (code === TAKEN) return reason
    throw code === FAILED
      ? new Fault('next-hop', reason)
      : new MaybeTaken(reason || `it exited with ${code}`)
  }
}

/** The answers of root, a line for each mail. */
let answers: AsyncIterator<string> | undefined

/** Ends the input of this process, after the answer to the last mail: otherwise it would keep the process. */
export function endAnswers(): void {
  if (answers !== undefined) process.stdin.destroy()
}

/**
 * Reads the next answer of root. Rejects with MaybeTaken if the answer is incomplete: the mail was sent
 * completely, so an account may have delivered it.
 */
async function readAnswer(): Promise<HandOnAnswer> {
  answers ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const line = await answers.next().catch(() => undefined)
  const answer = attempt(() => JSON.parse(line?.value ?? '') as Partial<HandOnAnswer> | null)
  const { code, by, reason } = answer ?? {}
  if (typeof code === 'number' && typeof by === 'string' && typeof reason === 'string')
    return { code, by, reason }
  throw new MaybeTaken('root did not report the result')
}

/**
 * The name of the command that delivers a message, and its exit codes, with FAILED if it was not accepted.
 * After any other code, which is an unexpected end, it may have been.
 */
export const HAND_ON = 'hand-on'
const TAKEN = 0
const MAYBE_TAKEN = 3

/** `onescan quarantine hand-on`: delivers the mail that it reads. Prints the route, and the reply or the error. */
export const handOnCommand = makeCommand('quarantine hand-on', {
  command: HAND_ON,
  describe: '',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('by', textOption('A route [default: the usual one]'))
      .option('json', printsJson),
  async work(args) {
    const directory = tmpdir()
    const file = openAnonymousFile(directory) // closed by the end of this process
    let size = 0
    let mail: Omit<OutgoingMail, 'bytes'> | undefined
    let fallback = ''
    for await (const line of createInterface({ input: process.stdin })) {
      const part = JSON.parse(line) as HandedLine
      if ('bytes' in part) {
        const piece = Buffer.from(part.bytes, 'base64')
        if (size + piece.length > SIZE_MAX) throw new Error('the message is too large')
        writeAll(file, piece, size, directory)
        size += piece.length
      } else if ('mail' in part) {
        mail = part.mail
        fallback = part.route // an attacker who controls onescand may report anything
      } else {
        const env = slotEnvironment(process.env, args)
        const route =
          args.by === undefined ? parseDefaultRoute(fallback, env) : parseRoute(args.by, env)
        return handOn(route, { ...mail!, bytes: () => piecesOfFile(file, 0, size, PIECE) })
      }
    }
    return FAILED // root went away
  },
})

async function handOn(route: ReleaseRoute, mail: OutgoingMail): Promise<number> {
  try {
    const answer = await route.handOn(mail)
    await writeOut(`${route.text}\n${answer}\n`)
    return TAKEN
  } catch (error) {
    await writeOut(`${route.text}\n${errorText(error)}\n`)
    return error instanceof MaybeTaken ? MAYBE_TAKEN : FAILED
  }
}
