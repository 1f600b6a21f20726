import { bareAddress } from '../../protocol/smtp/smtp-syntax.ts'

/**
 * A recipient in the form in which a message keeps it. Mostly this is the path that the MTA sent with RCPT.
 * If another path counts, both are kept: LF, the counted path, LF, the written path. The MTA needs the
 * written one to find a recipient that it must remove. Both are in one Buffer, because RecipientList keeps
 * paths without an object for each.
 */

const LINE_END = Buffer.from('\n')

/** Joins the counted path, and the written one that the MTA uses for the recipient. */
export function resolvedFrom(written: Buffer, counted: Buffer): Buffer {
  return Buffer.concat([LINE_END, counted, LINE_END, written])
}

/** Returns the address that counts. */
export function addressIn(path: Buffer): Buffer {
  return bareAddress(partsOf(path).counted)
}

/** Returns the path that the MTA uses for the recipient. */
export function writtenPath(path: Buffer): Buffer {
  return partsOf(path).written
}

function partsOf(path: Buffer): { readonly counted: Buffer; readonly written: Buffer } {
  if (!path.subarray(0, 1).equals(LINE_END)) return { counted: path, written: path }
  const end = path.indexOf(LINE_END, 1)
  return { counted: path.subarray(1, end), written: path.subarray(end + 1) }
}
