interface Repository {
  readonly packages: readonly string[]
  readonly address: string
  readonly key: string
  readonly seconds: number
}
export function writeRepository(directory: string, repository: Repository): void
