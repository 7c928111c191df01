/// The C library's function of this name, which Swift's runtime refers to and nobody here calls.
///
/// Of all that the program takes from the C library it alone would need version 2.35; without it 2.34 will do, which RHEL 9 has.
@_cdecl("hypotf")
public func hypotenuse(_ first: Float, _ second: Float) -> Float {
    (first * first + second * second).squareRoot()
}
