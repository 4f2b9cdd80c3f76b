// All scenarios, by area.

import { observe } from './observe.ts'
import type { Scenarios } from '../scenario.ts'
import { ending } from './ending.ts'
import { exec } from './exec.ts'
import { files } from './files.ts'
import { flags } from './flags.ts'
import { healthchecks } from './health.ts'
import { images } from './images.ts'
import { lifecycle } from './lifecycle.ts'
import { limits } from './limits.ts'
import { logging } from './logging.ts'
import { listing } from './listing.ts'
import { mounts } from './mounts.ts'
import { network } from './network.ts'
import { propagation } from './propagation.ts'
import { requests } from './requests.ts'
import { run } from './run.ts'
import { sharing } from './sharing.ts'
import { streams } from './streams.ts'
import { update } from './update.ts'

export const areas: Readonly<Record<string, Scenarios>> = {
  images,
  run,
  limits,
  network,
  mounts,
  exec,
  ending,
  healthchecks,
  streams,
  logging,
  lifecycle,
  listing,
  observe,
  sharing,
  propagation,
  files,
  flags,
  update,
  requests,
}
