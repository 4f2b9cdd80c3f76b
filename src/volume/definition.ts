// What a volume is, and what may be asked for: names and options as dockerd's local driver takes them.

import { invalid, notFound } from '../lib/errors.ts'

/** Marks volumes that nobody named. */
export const anonymousLabel = 'com.docker.volume.anonymous'

/** A volume as it is kept. */
export interface VolumeDefinition {
  labels: Record<string, string> | null
  /** Of the local driver: type, device and o, as mount(8) has them. */
  options: Record<string, string> | null
  /** Made for a container that is still being created: if the daemon dies before that is done, it goes. */
  pending?: true
}

/** What a client asks for; an empty name makes an anonymous volume. */
export interface VolumeRequest {
  name: string
  driver?: string
  labels?: Record<string, string> | null
  options?: Record<string, string> | null
}

/** Checks a request. Throws dockerd's messages. */
export function checkRequest({ name, driver, options }: VolumeRequest) {
  if (driver && driver !== 'local') {
    throw notFound(`create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`)
  }
  if (name !== '') checkName(name)
  checkOptions(name, options ?? {})
}

function checkName(name: string) {
  if (name.length === 1) {
    throw invalid(`create ${name}: volume name is too short, names should be at least two alphanumeric characters`)
  }
  // 255 bytes is the longest name a directory can have.
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) || name.length > 255) {
    throw invalid(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    )
  }
}

const required: Record<string, readonly string[]> = { device: ['type'], type: ['device'], o: ['device', 'type'] }

function checkOptions(name: string, options: Readonly<Record<string, string>>) {
  for (const option of Object.keys(options)) {
    if (option === 'size') throw invalid(`create ${name}: quota size requested but no quota support`)
    if (!(option in required)) throw invalid(`create ${name}: invalid option: "${option}"`)
  }
  for (const [option, others] of Object.entries(required)) {
    const missing = option in options ? others.find(other => !(other in options)) : undefined
    if (missing !== undefined) throw invalid(`create ${name}: missing required option: "${missing}"`)
  }
}
