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

/** Finds out the form of a message while its body comes. */
export interface FormReader {
  /** Takes the next bytes of the body. */
  update(chunk: Buffer): void
  finish(): MessageForm
}

/** Begins to find out the form. The body below a header that is not well formed is not hashed. */
export function readForm(
  header: Header,
  wanted: DigestsWanted,
  createHash: ((algorithm: string) => Hash) | undefined,
): FormReader {
  const isWanted = createHash !== undefined && (wanted.md5 || wanted.sha256)
  const formFault = isWanted ? headerFormFault(header) : undefined
  if (!isWanted || formFault !== undefined) {
    return { update() {}, finish: () => ({ formFault, digests: nothing }) }
  }
  const digester = new BodyDigester(header.lineEnding, wanted, createHash)
  return {
    update: (chunk) => digester.update(chunk),
    finish() {
      const { endingsAgree, digests } = digester.finish()
      return { formFault: endingsAgree ? undefined : OTHER_ENDINGS, digests }
    },
  }
}
