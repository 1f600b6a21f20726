import { accessSync, closeSync, openSync, renameSync } from 'node:fs'
import t from 'tap'
import { errorText, errorTextAt } from '../../../src/base/errors/fault.ts'
import { readForeignFile } from '../../../src/base/path/open.ts'

/** Errors about files, for lines that name the file already. */

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

t.test('an error about a file is described without its path and the call', async (t) => {
  const directory = t.testdir({ file: 'long' })
  const missing = `${directory}/missing`
  const gone = 'no such file or directory'
  t.equal(
    errorTextAt(
      missing,
      thrownBy(() => accessSync(missing)),
    ),
    gone,
  )
  t.equal(
    errorTextAt(
      missing,
      thrownBy(() => renameSync(missing, `${missing}2`)),
    ),
    gone,
  )
  t.equal(
    errorTextAt(
      missing,
      thrownBy(() => readForeignFile(missing)),
    ),
    gone,
  )
  const file = `${directory}/file`
  t.equal(
    errorTextAt(
      file,
      thrownBy(() => readForeignFile(file, 3)),
    ),
    'is larger than 3 bytes',
  )
  t.equal(errorTextAt(file, new Error(`${file}: mode 0644, and more`)), 'mode 0644, and more')
})

t.test('an error about another path keeps it', async (t) => {
  t.equal(errorTextAt('/a', new Error('/a/b is not a regular file')), '/a/b is not a regular file')
})

t.test('the descriptor of a directory is not part of the error text', async (t) => {
  const directory = openSync(t.testdir(), 'r')
  t.teardown(() => closeSync(directory))
  const path = `/proc/self/fd/${directory}`
  const errorOf = (call: () => unknown) => errorText(thrownBy(call))
  t.equal(
    errorOf(() => openSync(`${path}/missing`, 'r')),
    'missing: no such file or directory',
  )
  t.equal(
    errorOf(() => renameSync(`${path}/missing`, `${path}/other`)),
    'missing: no such file or directory',
  )
  t.equal(
    errorOf(() => openSync(path, 'w')),
    'is a directory',
  )
})
