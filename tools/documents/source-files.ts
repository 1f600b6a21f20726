import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A source file, with what it declares and imports. */
export interface SourceFile {
  /** Below src/. */
  readonly path: string
  readonly text: string
  readonly exports: readonly string[]
  /** Functions and values that it does not export. */
  readonly privates: readonly string[]
  /** Interfaces and other types, exported or not. */
  readonly types: readonly string[]
  readonly classes: readonly string[]
  /** What it imports by name from which file, or exports again. */
  readonly uses: readonly { readonly from: string; readonly name: string }[]
  /** The files below src/ that it imports anything from, also in its types. */
  readonly imports: readonly string[]
}

/** The files of src/, by their paths below it, in their order. */
export const sourceFiles: readonly SourceFile[] = globSync('**/*.ts', { cwd: join(root, 'src') })
  .sort()
  .map((path) => readSource(path, readFileSync(join(root, 'src', path), 'utf8')))

/** Reads a source. Only those names count that are at the beginning of a line, as formatted code has them. */
export function readSource(path: string, text: string): SourceFile {
  const declared = matches(
    text,
    /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const|let) ([\w$]+)/gm,
  )
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    namesOf(list!).map(({ as }) => as),
  )
  const below = (from: string) => join(dirname(path), from)
  const named = matches(text, /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g).map(below)
  return {
    path,
    text,
    exports: [...new Set([...declared, ...listed])],
    privates: matches(text, /^(?:async )?(?:function\*?|const|let) ([\w$]+)/gm),
    types: matches(text, /^(?:export )?(?:declare )?(?:interface|type) ([\w$]+)[\s<]/gm),
    classes: matches(text, /^(?:export )?(?:declare )?(?:abstract )?class ([\w$]+)/gm),
    uses: usesIn(text).map(({ from, name }) => ({ from: below(from), name })),
    imports: [...new Set(named)].filter((file) => !file.startsWith('..')),
  }
}

/** The box of a file, `mail`; in the scanner also what is in it: `scanner/scan`, `scanner/plugin.ts`. */
export const componentOf = (file: string): string =>
  file
    .split('/')
    .slice(0, file.startsWith('scanner/') ? 2 : 1)
    .join('/')

/**
 * The number of a constant, which its file may have for itself. Throws unless one file alone has one of
 * that name, or `path` shows which is meant.
 */
export function figure(name: string, path?: string): number {
  const form = new RegExp(`^(?:export )?const ${name} = ([\\d_.* ]+)$`, 'm')
  const [found, ...more] = sourceFiles
    .filter((file) => path === undefined || file.path === path)
    .flatMap(({ text }) => form.exec(text)?.[1] ?? [])
  if (found === undefined || more.length > 0) throw new Error(`${name} is no one number`)
  return found.split('*').reduce((all, part) => all * Number(part.replaceAll('_', '')), 1)
}

/** What a text imports, or exports again. The name of a whole module is that of each member that it names. */
function usesIn(text: string): { from: string; name: string }[] {
  const lists = text.matchAll(
    /^(?:(?:import|export) (?:type )?|\/\*\* @import )\{([^}]*)\} from '(\.[^']+)'/gm,
  )
  const named = [...lists].flatMap(([, list, from]) =>
    namesOf(list!).map(({ name }) => ({ from: from!, name })),
  )
  const modules = text.matchAll(/^import \* as ([\w$]+) from '(\.[^']+)'/gm)
  const members = [...modules].flatMap(([, module, from]) =>
    matches(text, new RegExp(`\\b${module}\\.([\\w$]+)`, 'g')).map((name) => ({
      from: from!,
      name,
    })),
  )
  const late = text.matchAll(
    /(?:\{([^{}]*)\} = )?\(?await import\('(\.[^']+)'\)\)?(?:\.([\w$]+))?/g,
  )
  const awaited = [...late].flatMap(([, list, from, member]) =>
    (list === undefined ? [member ?? ''] : namesOf(list).map(({ name }) => name)).map((name) => ({
      from: from!,
      name,
    })),
  )
  return [...named, ...members, ...awaited]
}

/** The names of `{ a, type B, c as d, e: f }`, each with the one that it has there. */
function namesOf(list: string): { name: string; as: string }[] {
  const entries = list.split(',').map((entry) => entry.trim().replace(/^type /, ''))
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name, as] = entry.split(/ as |: /)
      return { name: name!, as: as ?? name! }
    })
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name!)
}
