// Texts of the package: @NAME@ is a value, and a line "#INCLUDE file" of a maintainer
// script is that file, since dpkg runs them where nothing else of the package may be there.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Throws for a name without a value. */
export function fill(text, values) {
  return text.replace(/@([A-Z_]+)@/g, (_, name) => {
    if (values[name] === undefined) throw new Error(`@${name}@: no such value`)
    return String(values[name])
  })
}

export function maintainerScript(file) {
  return readFileSync(file, 'utf8').replace(/^#INCLUDE (\S+)\n/gm, (_, name) =>
    readFileSync(join(dirname(file), name), 'utf8'),
  )
}
