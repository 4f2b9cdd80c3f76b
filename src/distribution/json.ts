// JSON that servers send, of which nothing is believed.

/** The object that `text` is; an empty one for anything else, as if nothing had come. */
export function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told by what it lacks.
  }
  return {}
}
