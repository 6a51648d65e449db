/** Arabic. Counts stand after a colon or a label, so that no noun has to agree with a number. */
import type { Words } from './words.ts';

const BUCKETS = {
  hour: 'لكل ساعة',
  day: 'لكل يوم',
  week: 'لكل أسبوع',
  month: 'لكل شهر',
  quarter: 'لكل ربع سنة',
  year: 'لكل سنة',
} as const;

export const arabic: Words = {
  titles: {
    analytics: 'تقرير تحليلي',
    financial: 'تقرير مالي',
    operational: 'تقرير تشغيلي',
    executive: 'ملخص تنفيذي',
    technical: 'تقرير فني',
  },
  kinds: { analytics: 'تحليلات', financial: 'مالية', operational: 'عمليات', executive: 'إدارة عليا', technical: 'فني' },
  period: 'الفترة',
  comparedWith: 'مقارنة مع',
  allRows: 'جميع البيانات',
  preparedBy: 'إعداد',
  created: 'تاريخ الإنشاء',
  keyFigures: 'المؤشرات الرئيسية',
  charts: 'الرسوم البيانية',
  tables: 'الجداول',
  findings: 'النتائج',
  data: 'البيانات',
  method: 'كيف حُسبت الأرقام',
  previous: 'سابقًا',
  noValue: '–',
  noChange: 'دون تغيير',
  isNew: 'جديد',
  total: 'الإجمالي',
  empty: '(فارغ)',
  formula: 'المعادلة',
  inputs: 'الأرقام المستخدمة',
  notes: 'ملاحظات',
  contents: 'المحتويات',
  name: 'الاسم',
  value: 'القيمة',
  change: 'التغيّر',
  row: 'الصف',
  figure: 'المؤشر',
  finding: 'النتيجة',
  rounding:
    'حُسبت جميع الأرقام بدقة عشرية تامة، ويُحتفظ في القسمة باثنتي عشرة منزلة. تُقرَّب القيم المعروضة إلى الأقرب، والنصف بعيدًا عن الصفر.',
  profile: {
    title: 'أعمدة البيانات',
    source: 'المصدر',
    column: 'العمود',
    type: 'النوع',
    filled: 'المعبأ',
    distinct: 'القيم المختلفة',
    min: 'الأصغر',
    max: 'الأكبر',
  },
  types: { number: 'رقم', date: 'تاريخ', text: 'نص' },
  aggregation: {
    sum: (column) => `إجمالي ${column}`,
    avg: (column) => `متوسط ${column}`,
    min: (column) => `أصغر ${column}`,
    max: (column) => `أكبر ${column}`,
    count: (column) => (column === '' ? 'عدد السجلات' : `المعبأ من ${column}`),
    distinct: (column) => `القيم المختلفة من ${column}`,
  },
  other: (count) => `أخرى (${count})`,
  rowsShown: (shown, all) => `الصفوف المعروضة: ${shown} من أصل ${all}.`,
  pointsLeftOut: (count) => `نقاط لم تُرسم: ${count}.`,
  sourceLine: (label, rows) => `${label} – عدد الصفوف: ${rows}`,
  sourceInPeriod: (label, rows, all) => `${label} – الصفوف ضمن الفترة: ${rows} من أصل ${all}`,
  overTime: (what) => `${what} عبر الزمن`,
  by: (what, column) => `${what} حسب ${column}`,
  per: (bucket) => BUCKETS[bucket],
  finds: {
    titles: {
      'largest-contributor': 'أكبر مساهم',
      'strongest-change': 'أقوى تغيّر',
      outliers: 'القيم الشاذة',
      trend: 'الاتجاه العام',
    },
    nothing: 'القيم المتاحة أقل من أن تسمح باستنتاج.',
    largest: (f) =>
      `يساهم ${f.name} بنسبة ${f.share} من ${f.subject}: ${f.value} من أصل ${f.total}، وهي الأعلى بين ${f.names}.`,
    changed: (f) => {
      if (f.direction === 'flat') return `${f.name}: لم يتغيّر ${f.subject} (${f.value}).`;
      const verb = f.direction === 'up' ? 'ارتفع' : 'انخفض';
      return `${f.name}: ${verb} ${f.subject} بمقدار ${f.absolute}${f.relative === null ? '' : ` (${f.relative})`}، من ${f.previous} إلى ${f.value}.`;
    },
    outliers: (f) =>
      f.none
        ? `لا توجد قيم في ${f.subject} خارج النطاق من ${f.low} إلى ${f.high} (عدد القيم: ${f.of}).`
        : `القيم خارج النطاق من ${f.low} إلى ${f.high} في ${f.subject}: ${f.count} من أصل ${f.of}.`,
    trend: (f) => {
      const fit = f.fit === null ? '' : ` (R² = ${f.fit})`;
      if (f.direction === 'flat') return `${f.subject} مستقر عبر ${f.buckets} نقطة زمنية.`;
      return `${f.direction === 'up' ? 'يرتفع' : 'ينخفض'} ${f.subject} بمتوسط ${f.slope} ${f.per} (عدد النقاط: ${f.buckets})${fit}.`;
    },
  },
};
