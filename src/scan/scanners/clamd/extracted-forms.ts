import type { FormSet } from '../../../mail/mime/shared/forms.ts'

/** Milliseconds for which an event counts: between two and three rounds of the first process. */
const HOLDS_FOR = 40_000

/** What a server was shown to extract, as the first process has tried it. */
export interface ExtractionEvent {
  readonly is: 'extracts'
  /** The server, as CLAMD has it. */
  readonly server: string
  /** Undefined if it was not tried since it was started, or reports no limits. */
  readonly forms?: FormSet | undefined
}

/**
 * What each clamd was shown to extract from a mail by itself. A connection that breaks means that another one may
 * listen there: then nothing is known until the next event.
 */
export class ExtractedForms {
  readonly #servers = new Map<string, { readonly forms: FormSet; readonly since: number }>()
  readonly #uptime: () => number

  constructor(uptime: () => number = () => performance.now()) {
    this.#uptime = uptime
  }

  take({ server, forms }: ExtractionEvent): void {
    if (forms === undefined) this.#servers.delete(server)
    else this.#servers.set(server, { forms, since: this.#uptime() })
  }

  /** The events by which another process learns all that is known here. */
  retell(): ExtractionEvent[] {
    return [...this.#servers].map(([server, { forms }]) => ({ is: 'extracts', server, forms }))
  }

  forget(server: string): void {
    this.#servers.delete(server)
  }

  /** What all of these servers extract; undefined if one of them was not tried. */
  of(servers: readonly string[]): FormSet | undefined {
    const now = this.#uptime()
    const all = servers.map((server) => this.#servers.get(server))
    const [first, ...others] = all.map((known) =>
      known !== undefined && now - known.since < HOLDS_FOR ? known.forms : undefined,
    )
    if (first === undefined || others.some((forms) => forms === undefined)) return undefined
    return {
      contents: first.contents.filter((form) =>
        others.every((set) => set!.contents.includes(form)),
      ),
      multiparts: first.multiparts.filter((form) =>
        others.every((set) => set!.multiparts.includes(form)),
      ),
    }
  }
}
