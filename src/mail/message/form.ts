import type { Hash } from 'node:crypto'
import { BodyDigester, type BodyDigests, type DigestsWanted } from './canonical-body.ts'
import type { Header } from './header-block.ts'
import { headerFormFault } from './well-formed.ts'

/** The properties of a message that stamps depend on. */
export interface MessageForm {
  /** The reason why no stamp can vouch for the message; undefined if it is well formed. */
  readonly formFault: string | undefined
  /** The digests of the canonical body that were wanted. */
  readonly digests: BodyDigests
}

const nothing: BodyDigests = { md5: undefined, sha256: undefined }
const OTHER_ENDINGS = 'the body has other line endings than the header'

/**
 * Finds out the form of a message while its body comes. The body below a header that is not well formed
 * is not hashed.
 */
export class FormReader {
  readonly #formFault: string | undefined
  readonly #digester: BodyDigester | undefined

  constructor(
    header: Header,
    wanted: DigestsWanted,
    createHash: ((algorithm: string) => Hash) | undefined,
  ) {
    if (createHash === undefined || !(wanted.md5 || wanted.sha256)) return
    this.#formFault = headerFormFault(header)
    if (this.#formFault !== undefined) return
    this.#digester = new BodyDigester(header.lineEnding, wanted, createHash)
  }

  /** Takes the next bytes of the body. */
  update(chunk: Buffer): void {
    this.#digester?.update(chunk)
  }

  finish(): MessageForm {
    if (this.#digester === undefined) return { formFault: this.#formFault, digests: nothing }
    const { endingsAgree, digests } = this.#digester.finish()
    return { formFault: endingsAgree ? undefined : OTHER_ENDINGS, digests }
  }
}
