/**
 * The files of uPlot that the admin page uses, by the names that it has for them. uPlot does not promise their paths. If a later version
 * moves one, the admin surface does not start, and the error in the log names the path.
 */
export const UPLOT_FILES: Readonly<Record<string, string>> = {
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css'
}
