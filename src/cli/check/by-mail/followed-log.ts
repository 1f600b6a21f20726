import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { type LogRecord, readLogLine } from '../../../doors/observe/log/log-record.ts'
import { type LogFile, linesIn } from '../../../doors/observe/log/read-log.ts'
import { attempt, errorText } from '../../../ground/errors/fault.ts'

/** The most lines about messages that are remembered: onescan's own are few, and a loop has no end. */
const LINES_MAX = 1_000

/** What comes into logs from now on about messages whose Message-ID has a mark, by tail(1) and journalctl(1). */
export class FollowedLog {
  readonly #mark: string
  readonly #records: LogRecord[] = []
  readonly #programs: ChildProcess[] = []
  #wake: () => void = () => {}
  /** A line for each log that cannot be read. */
  readonly faults: string[] = []

  constructor(logs: readonly LogFile[], mark: string) {
    this.#mark = mark
    const files = logs.filter(({ path, isFound }) => !isFound || path.endsWith('/current'))
    for (const { path, command } of files) {
      try {
        if (command === undefined) accessSync(path, constants.R_OK)
        this.#follow(command === undefined ? tailOf(path) : withFollow(command))
      } catch (error) {
        this.faults.push(`${path}: ${errorText(error)}`)
      }
    }
  }

  /** The lines about a message so far. */
  about(id: string): LogRecord[] {
    return this.#records.filter(({ fields }) => fields.get('msgid')?.includes(id))
  }

  /** Resolves with them as soon as one has come, or after so many milliseconds. */
  async untilAbout(id: string, within: number): Promise<LogRecord[]> {
    const end = performance.now() + within
    for (;;) {
      const left = end - performance.now()
      const found = this.about(id)
      if (found.length > 0 || left <= 0) return found
      await this.#nextLine(left)
    }
  }

  close(): void {
    for (const program of this.#programs) program.kill()
  }

  #nextLine(within: number): Promise<void> {
    const before = this.#wake
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, within)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
        before()
      }
    })
  }

  #follow([program, ...words]: readonly [string, ...string[]]): void {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#programs.push(child)
    child.once('error', (error) => this.faults.push(errorText(error)))
    void this.#read(child)
  }

  async #read({ stdout }: ChildProcess): Promise<void> {
    for await (const lines of linesIn(stdout as AsyncIterable<Buffer>)) {
      const ours = lines.filter((line) => line.includes(this.#mark))
      const records = ours.flatMap((line) => readLogLine(line, Date.now()) ?? [])
      const decided = records.filter(({ fields }) => fields.has('decision'))
      this.#records.push(...decided.slice(0, LINES_MAX - this.#records.length))
      const wake = this.#wake
      this.#wake = () => {}
      wake()
    }
  }
}

/** From the size that the file has now: a line that comes before tail reads is not missed. */
function tailOf(path: string): [string, ...string[]] {
  const size = attempt(() => statSync(path).size) ?? 0
  return ['tail', '-F', '-c', `+${size + 1}`, '--', path]
}

function withFollow([program, ...words]: readonly [string, ...string[]]): [string, ...string[]] {
  return [program, '--follow', '--no-tail', ...words]
}
