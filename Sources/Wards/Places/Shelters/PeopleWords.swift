import Desk

/// Words by which people in shelters are counted and cared for, in registers and reports alike.
public enum PeopleWords {
  public static let ages = [
    Choice("乳幼児", "infant"), Choice("児童・生徒", "child"), Choice("成人", "adult"), Choice("高齢者", "elderly"),
    Choice("不明", "unknown"),
  ]

  public static let needs = [
    Choice("車椅子", "wheelchair"), Choice("要介護", "care"), Choice("乳児", "infant"), Choice("妊産婦", "pregnant"),
    Choice("人工透析", "dialysis"), Choice("在宅酸素", "oxygen"), Choice("視覚障害", "sight"), Choice("聴覚障害", "hearing"),
    Choice("知的・精神障害", "mental"), Choice("医療的ケア", "medical"), Choice("服薬", "medicine"),
    Choice("食物アレルギー", "allergy"), Choice("外国語", "language"), Choice("ペット同伴", "pet"), Choice("その他", "other"),
  ]
}
