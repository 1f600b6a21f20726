export const programs: Readonly<Record<string, { readonly source: string; readonly until: number }>>
export const programsInC: readonly string[]
