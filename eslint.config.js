import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  // The dashboard runs in a browser, and nothing of Node's is there.
  ...neostandard({ env: ['browser'], noStyle: true, files: ['dashboard/*.js'] }),
  { files: ['dashboard/*.js'], languageOptions: { globals: { process: 'off', Buffer: 'off', require: 'off' } } },
  {
    files: ['**/*.ts'],
    rules: {
      '@stylistic/object-property-newline': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // A parameter that an interface asks for, and an implementation has no use of, is written with an underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }]
    }
  }
]
