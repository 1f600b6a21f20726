import { constants, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'

/** Linux's O_TMPFILE with O_DIRECTORY, which node:fs does not name. */
const O_TMPFILE = 0o20200000

/**
 * Opens a file without a name for reading and writing (mode 0600). The kernel frees it with its last
 * descriptor, so nothing is left however this process ends. Throws a Fault of kind `temp-file`.
 */
export function openAnonymousFile(directory: string): number {
  try {
    return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600)
  } catch (error) {
    // File systems without O_TMPFILE say EOPNOTSUPP; kernels without it, EISDIR.
    if (!['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'].includes(errorCode(error))) {
      throw cannotSpool(directory, error)
    }
  }
  // If somebody guessed the name, O_EXCL makes that an error instead of opening his file. The sweep
  // knows it (sweep.ts), for this process may be killed before the name has gone.
  const path = join(directory, `onescan-file-${Math.random().toString(36).slice(2)}`)
  const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants
  try {
    const fd = openSync(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
    unlinkSync(path)
    return fd
  } catch (error) {
    throw cannotSpool(directory, error)
  }
}

/** Makes a fault of an error: a full disk (`write`, exit 53), or trouble with the directory (`temp-file`, exit 64). */
export function spoolFault(what: string, error: unknown): Fault {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(errorCode(error))
  return new Fault(full ? 'write' : 'temp-file', `${what}: ${errorText(error)}`, error)
}

function cannotSpool(directory: string, error: unknown): Fault {
  return spoolFault(`cannot make a spool file in ${directory} (TMPDIR)`, error)
}
