const SIZES = [60, 60, 60, 3000, 3000, 100_000, 400_000]

/** The body for an id. It repeats the id, so that a part of another body would show in it. */
export function chaosBody (id: string): { body: Buffer, chunked: boolean } {
  const n = Number(id.slice(id.lastIndexOf('-') + 1))
  return { body: Buffer.alloc(SIZES[n % SIZES.length] ?? 0, `${id} `), chunked: n % 2 === 1 }
}
