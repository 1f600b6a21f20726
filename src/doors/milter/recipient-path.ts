import { bareAddress } from '../../protocol/shared/smtp.ts'

/**
 * A recipient as a message keeps it. Mostly this is the path that the MTA sent with RCPT. If
 * another path counts, both are kept: LF, the path that counts, LF, the written path. The MTA needs
 * the written one to find a recipient that it is to remove. Both are in one Buffer, because
 * RecipientList keeps paths without an object for each.
 */

const LINE_END = Buffer.from('\n')

/** Joins the path that counts, and the written one by which the MTA knows the recipient. */
export function resolvedFrom(written: Buffer, counted: Buffer): Buffer {
  return Buffer.concat([LINE_END, counted, LINE_END, written])
}

/** Returns the address that counts. */
export function addressIn(path: Buffer): Buffer {
  return bareAddress(partsOf(path).counted)
}

/** Returns the path by which the MTA knows the recipient. */
export function writtenPath(path: Buffer): Buffer {
  return partsOf(path).written
}

function partsOf(path: Buffer): { readonly counted: Buffer; readonly written: Buffer } {
  if (!path.subarray(0, 1).equals(LINE_END)) return { counted: path, written: path }
  const end = path.indexOf(LINE_END, 1)
  return { counted: path.subarray(1, end), written: path.subarray(end + 1) }
}
