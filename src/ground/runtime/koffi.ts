import { errorCode } from '../errors/fault.ts'

/** The type of koffi itself. */
export type Koffi = typeof import('koffi')

/**
 * Loads koffi, by which Node calls functions in C; undefined if it is not installed. onescan
 * depends on the packages of koffi's compiled part, one for each processor. They need nothing else,
 * and run no script when they are installed. koffi itself serves processors that have no such
 * package.
 */
export async function loadKoffi(): Promise<Koffi | undefined> {
  return (await load(`@koromix/koffi-linux-${process.arch}`)) ?? (await load('koffi'))
}

async function load(name: string): Promise<Koffi | undefined> {
  try {
    const koffi = await import(name)
    return koffi.default ?? koffi
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
