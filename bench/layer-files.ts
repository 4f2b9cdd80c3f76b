// The files of a layer: words in no order, which gzip makes about three times smaller, as it does with programs.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface LayerFiles {
  /** Of the layer in its image: no two have a file in common. */
  readonly number: number
  readonly files: number
  /** Bytes of each file. */
  readonly size: number
}

const perDirectory = 100

/** Makes a directory `root` with the files. */
export function layerFiles(root: string, { number, files, size }: LayerFiles): void {
  const random = randomNumbers(number + 1)
  for (let index = 0; index < files; index++) {
    const directory = join(root, `layer-${number}`, String(Math.floor(index / perDirectory)))
    if (index % perDirectory === 0) mkdirSync(directory, { recursive: true })
    const start = random() % (text.length - size)
    const own = Buffer.from(`${number} ${index}\n`)
    writeFileSync(join(directory, String(index)), Buffer.concat([own, text.subarray(start, start + size - own.length)]))
  }
}

// gzip looks back 32 kB, so that parts of the same text are new to it.
const text = words(4 << 20)

function words(bytes: number): Buffer {
  const random = randomNumbers(0)
  const dictionary = Array.from({ length: 4096 }, () =>
    random()
      .toString(36)
      .slice(0, 1 + (random() % 7)),
  )
  const lines: string[] = []
  for (let length = 0; length < bytes; length += (lines.at(-1)?.length ?? 0) + 1)
    lines.push(dictionary[random() % dictionary.length] ?? '')
  return Buffer.from(lines.join(' '))
}

/** Numbers of 31 bits, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 1
  }
}
