// --platform, as the verbs take it that ask the engine for one of an image's variants.

import type { Platform } from '../oci/manifest.ts'
import { invalid, messageOf } from '../lib/errors.ts'
import { parsePlatform } from '../oci/platform.ts'
import type { FlagValues } from './flags.ts'

/** What --platform says; undefined if it was not given. Throws invalid with Docker's sentence. */
export function platformOf(flags: FlagValues): Platform | undefined {
  const text = flags.text('platform')
  return text ? read(text) : undefined
}

/** The same for a --platform that takes several, as JSON. */
export const platformsOf = (flags: FlagValues): string[] =>
  flags.list('platform').flatMap(text => text.split(',').map(each => JSON.stringify(read(each))))

function read(text: string): Platform {
  try {
    return parsePlatform(text)
  } catch (cause) {
    const shape = text.split('/').length > 3
    const sentence = `${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`
    throw invalid(`invalid platform: ${shape ? sentence : messageOf(cause)}`, { cause })
  }
}
