import { errorCode } from './fault.ts'

/** What is used of it. */
export type Koffi = typeof import('koffi')

/**
 * koffi, by which Node calls functions in C, or undefined if it is not installed. onescan
 * depends on the packages of its compiled part, which run no script when they are installed
 * and need nothing else; koffi itself serves processors for which there is none.
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
