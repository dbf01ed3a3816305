import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../testing/program.js'
import { MADE_FILES } from './made-files.js'

for (const { path, text } of MADE_FILES) writeFileSync(join(REPOSITORY, path), text())
